"""Text files as people have them: UTF-8 with or without a byte order mark, UTF-16, GBK, Latin-1."""

import codecs
import re

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def decoded(data: bytes) -> str:
    """The text of a file, by its byte order mark or else by what its bytes can be.

    What is neither UTF-8 nor UTF-16 is GBK, the usual encoding of Chinese, where its bytes above ASCII come in pairs, as they do there;
    in Latin-1 (as Windows has it) an accented letter mostly stands alone. The two cannot be told apart for certain.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    if b"\0" in data:
        return data.decode("utf-16-le" if data[1::2].count(0) >= data[::2].count(0) else "utf-16-be", errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    paired = all(len(run) % 2 == 0 for run in re.findall(rb"[\x81-\xfe]+", data))
    try:
        return data.decode("gb18030" if paired else "cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")
