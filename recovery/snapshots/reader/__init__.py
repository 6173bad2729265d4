"""Read an etcd database file: is it whole, and what is inside?

Standard library only, Python 3.6 and later, so that a node's own python3 reads what lies there:
`one_file` in `bundle` puts these modules together into one program (`python3 - FILE < program`).
The file is opened read-only and mapped, and every byte of it is treated as hostile: whatever is
wrong becomes a `Damage` with its place.

A database that lies plain in a tar is read where it lies: `unpackedFrom` is ["tar"] then, and
`size`, `sha256` and all places are those of the database, as if it had been unpacked; `storedSize`
is the file's own size.

The program prints one JSON document. `--progress` writes "DONE TOTAL" lines to stderr; `--brief`
leaves out the hash and whatever needs every page (`keys`, `liveKeys`, resources). Pages are
scanned and bytes are hashed by two processes at the same time, which end with the program. A
document with `packed` ("gzip", "zstd", or "tar" for a tar inside a tar) says nothing about a
database, whatever else it says: somebody who can unpack the file has to look at it.

The file format is bbolt's: pages of a fixed size, two meta pages in front, a B+tree of pages for
every bucket. The buckets' contents are etcd's.
"""
