"""What is used of S3's protocol, as boto3 speaks it: the shapes of requests and answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol, TypedDict


class ListedObject(TypedDict):
    """An entry of ListObjectsV2."""

    Key: str
    Size: int
    LastModified: datetime
    ETag: str


class ObjectHead(TypedDict):
    """What HeadObject says."""

    ContentLength: int
    LastModified: datetime
    ETag: str
    Metadata: dict[str, str]
    """What was stored beside the object, by lower-case names."""


class Body(Protocol):
    """The bytes of an object as they arrive."""

    def read(self, amount: int) -> bytes:
        """At most that many bytes; none at the end."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


class ObjectStream(TypedDict):
    """What GetObject gives; `ContentRange` stands there too where a part was asked for."""

    Body: Body
    ContentLength: int
    ETag: str


class Stored(TypedDict, total=False):
    """What the server says of what it has stored."""

    ETag: str


class UploadBegun(TypedDict):
    """What CreateMultipartUpload gives."""

    UploadId: str


class UploadUnderWay(TypedDict):
    """An entry of ListMultipartUploads."""

    Key: str
    UploadId: str
    Initiated: datetime


class Page(TypedDict, total=False):
    """A page of ListObjectsV2, or of ListMultipartUploads; an empty one has no entries."""

    Contents: list[ListedObject]
    Uploads: list[UploadUnderWay]


class Paginator(Protocol):
    """Asks for page after page of a listing."""

    def paginate(self, **request: str) -> Iterator[Page]:
        """The pages, each asked for when it is wanted."""
        ...


class Said(TypedDict):
    """What HTTP said beside an answer; header names in lower case."""

    HTTPHeaders: dict[str, str]


class FirstPage(TypedDict):
    """What is used of a single ListObjectsV2."""

    ResponseMetadata: Said


class S3Client(Protocol):
    """What is used of boto3's client."""

    def get_paginator(self, operation: str) -> Paginator:
        """A paginator for that operation."""
        ...

    def head_object(self, **request: str) -> ObjectHead:
        """HeadObject."""
        ...

    def get_object(self, **request: str) -> ObjectStream:
        """GetObject."""
        ...

    def list_objects_v2(self, **request: object) -> FirstPage:
        """One page of ListObjectsV2."""
        ...

    def put_object(self, **request: object) -> Stored:
        """PutObject."""
        ...

    def create_multipart_upload(self, **request: object) -> UploadBegun:
        """CreateMultipartUpload."""
        ...

    def upload_part(self, **request: object) -> Stored:
        """UploadPart."""
        ...

    def complete_multipart_upload(self, **request: object) -> Stored:
        """CompleteMultipartUpload: only now the object has its name."""
        ...

    def abort_multipart_upload(self, **request: str) -> object:
        """AbortMultipartUpload: what was sent of it is gone."""
        ...

    def delete_object(self, **request: str) -> object:
        """DeleteObject."""
        ...

    def generate_presigned_url(self, operation: str, **request: object) -> str:
        """A URL that does this one thing for whoever has it. Asks nobody."""
        ...
