"""Names out of the file as text that a terminal can bear."""


def shown(name: bytes, longest: int = 200) -> str:
    """A name from the file as text that a terminal can bear."""
    text = name[:longest].decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else "\\x%02x" % ord(each) for each in text)
