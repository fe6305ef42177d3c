"""hostile_archives.py FOLDER: archives .npz that want to do harm, put together field by field (APPNOTE.TXT, PKWARE, sections 4.3.7 to 4.3.16 and 4.5.3).

Writes FOLDER/NAME.npz and prints a line for each: NAME, and the words that must be in the message; "read" where the archive is odd and nothing is wrong
with it. Every one is asked for its array x."""
import struct
import sys
import zlib

folder = sys.argv[1]
STORED, DEFLATED = 0, 8


def npy(shape="(2,)", descr="<f8", elements=bytes(16), version=b"\1\0", header=None, length=None):
    text = (header or "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (descr, shape)).encode()
    size = len(text) if length is None else length
    return b"\x93NUMPY" + version + struct.pack("<H" if version == b"\1\0" else "<I", size) + text + elements


def deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


class Entry:
    """data: as it stands in the archive; what else there is, is what the entry claims, and may be no truth."""

    def __init__(self, data, name=b"x.npy", method=STORED, plain=None, flags=0, crc=None, size=None, stored=None, extra=b"", attributes=0, local_name=None,
                 local_size=None, offset=None):
        plain = data if plain is None else plain
        self.data, self.name, self.method, self.flags, self.extra, self.attributes, self.offset = data, name, method, flags, extra, attributes, offset
        self.crc = zlib.crc32(plain) if crc is None else crc
        self.size = len(plain) if size is None else size
        self.stored = len(data) if stored is None else stored
        self.local_name = name if local_name is None else local_name
        self.local_size = self.size if local_size is None else local_size

    def local(self):
        return struct.pack("<IHHHIIIIHH", 0x04034b50, 20, self.flags, self.method, 0x00210000, self.crc, self.stored, self.local_size, len(self.local_name),
                           len(self.extra)) + self.local_name + self.extra + self.data

    def central(self, offset):
        return struct.pack("<IHHHHIIIIHHHHHII", 0x02014b50, 0x0314, 20, self.flags, self.method, 0x00210000, self.crc, self.stored, self.size,
                           len(self.name), len(self.extra), 0, 0, 0, self.attributes, offset if self.offset is None else self.offset) + self.name + self.extra


def archive(entries, count=None, directory_size=None, directory_at=None, comment=b"", before_end=b""):
    body, offsets = b"", []
    for entry in entries:
        offsets.append(len(body))
        body += entry.local()
    directory = b"".join(entry.central(at) for entry, at in zip(entries, offsets))
    n = len(entries) if count is None else count
    return body + directory + before_end + struct.pack(
        "<IHHHHIIH", 0x06054b50, 0, 0, min(n, 0xffff), min(n, 0xffff), len(directory) if directory_size is None else directory_size,
        len(body) if directory_at is None else directory_at, len(comment)) + comment


def zip64_end(count, size, at, record_at):
    """The zip64 end of central directory record and its locator."""
    return struct.pack("<IQHHIIQQQQ", 0x06064b50, 44, 45, 45, 0, 0, count, count, size, at) + struct.pack("<IIQI", 0x07064b50, 0, record_at, 1)


def zeros_deflated(mebibytes):
    """A stream that inflates to so many MiB of zeros, of 1 KiB for each; no checksum goes with it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packer.compress(bytes(1 << 20))
    packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * mebibytes


def bomb(claimed, shape):
    head = npy(shape, elements=b"")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    return Entry(start + zeros_deflated(3000), method=DEFLATED, size=len(head) + claimed, crc=1)


good = npy()
whole = archive([Entry(good)])
record = len(archive([Entry(good)])) - 22  # where the end of the directory is, and a zip64 record would be
zip64_sizes = struct.pack("<HHQQ", 1, 16, 1 << 62, 1 << 62)
cases = [
    ("plain", archive([Entry(good)]), "read"),
    ("deflated", archive([Entry(deflate(good), method=DEFLATED, plain=good)]), "read"),
    # bombs: 3 GB in 3 MB, as they claim, as they do not, and beside a claim within the limit
    ("bomb_said", archive([bomb(3000 << 20, "(393216000,)")]), "the limit is"),
    ("bomb_unsaid", archive([bomb(16, "(2,)")]), "longer than|CRC|cannot be read|inconsistent"),
    ("bomb_by_shape", archive([bomb(16, "(393216000,)")]), "needs 3145728000 bytes"),
    ("bomb_eight_axes", archive([bomb(16, "(4294967296, 4294967296, 0)")]), "than memory"),
    ("inside_itself", archive([Entry(whole)]), "npz"),
    # names
    ("twice", archive([Entry(good), Entry(good)]), "2 arrays \"x\""),
    ("twice_with_suffix", archive([Entry(good, name=b"x"), Entry(good)]), "2 arrays"),
    ("upwards", archive([Entry(good, name=b"../../x.npy")]), "read"),
    ("absolute", archive([Entry(good, name=b"/etc/passwd")]), "read"),
    ("with_nul", archive([Entry(good, name=b"x.npy\0.txt"), Entry(good, name=b"y.npy")]), "."),
    ("no_name", archive([Entry(good, name=b"")]), "read"),
    ("escapes", archive([Entry(good, name=b"\x1b[2J\xff.npy"), Entry(good, name=b"b\n.npy")]), "several arrays"),
    ("other_name_inside", archive([Entry(good, local_name=b"y.npy")]), "read"),
    ("a_link", archive([Entry(b"/etc/passwd", attributes=0o120777 << 16)]), "no .npy file|header"),
    ("a_folder", archive([Entry(b"", name=b"x/", attributes=0o040755 << 16)]), "empty|."),
    # what an entry says of itself
    ("encrypted", archive([Entry(good, flags=1)]), "encrypted"),
    ("strong_encryption", archive([Entry(good, flags=0x41)]), "encrypted|cannot be read|no .npz"),
    ("bzip2", archive([Entry(good, method=12)]), "cannot be read"),
    ("lzma", archive([Entry(good, method=14)]), "cannot be read"),
    ("method_unknown", archive([Entry(good, method=9999)]), "cannot be read"),
    ("checksum", archive([Entry(good, crc=1)]), "CRC"),
    ("longer_than_it_is", archive([Entry(good, size=1 << 30, stored=1 << 30)]), "."),
    ("shorter_than_it_is", archive([Entry(good, size=20, stored=20)]), "."),
    ("sizes_disagree", archive([Entry(good, local_size=7)]), "read"),
    ("offset_beyond", archive([Entry(good, offset=1 << 30)]), "."),
    ("offset_of_directory", archive([Entry(good, offset=len(Entry(good).local()))]), "."),
    ("garbage_deflated", archive([Entry(b"\xff" * 100, method=DEFLATED, size=144)]), "cannot be read"),
    # zip64
    ("zip64_sizes", archive([Entry(good, size=0xffffffff, stored=0xffffffff, extra=zip64_sizes)]), "."),
    ("zip64_short_field", archive([Entry(good, size=0xffffffff, extra=struct.pack("<HHI", 1, 4, 7))]), "."),
    ("zip64_many", archive([Entry(good)], count=0xffff, before_end=zip64_end(1 << 62, 1 << 40, 0, record)), "."),
    ("zip64_far", archive([Entry(good)], count=0xffff, before_end=zip64_end(1, 51, 1 << 62, 1 << 62)), "."),
    # the directory
    ("count_too_high", archive([Entry(good)], count=1000), "no .npz archive"),
    ("count_of_65535", archive([Entry(good)], count=0xffff), "no .npz archive"),
    ("count_zero", archive([Entry(good)], count=0), "."),
    ("directory_size", archive([Entry(good)], directory_size=0xfffffff0), "no .npz archive"),
    ("directory_at", archive([Entry(good)], directory_at=0xfffffff0), "no .npz archive"),
    ("directory_at_0", archive([Entry(good)], directory_at=0), "."),
    ("many_entries", archive([Entry(b"", name=b"%d" % k) for k in range(5000)]), "5000 entries, the limit is 4096"),
    ("nothing", archive([]), "no arrays"),
    ("end_in_comment", archive([Entry(good)], comment=struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 9, 9, 99, 9, 0)), "read"),
    # what is in it
    ("objects", archive([Entry(npy(descr="|O", elements=b"\x80\4cos\nsystem\n(S'id'\ntR."))]), "dtype '\\|O'"),
    ("structured", archive([Entry(npy(header="{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2,), }"))]), "structured dtype"),
    ("version_3", archive([Entry(npy(version=b"\3\0"))]), "version is 3"),
    ("header_length", archive([Entry(npy(length=60000))]), "claims 60000 bytes"),
    ("header_of_4_GiB", archive([Entry(npy(version=b"\2\0", length=0xfffffff0))]), "the limit is"),
    ("overflowing_shape", archive([Entry(npy("(4294967296, 4294967296, 4294967296)"))]), "than memory"),
]
for cut in range(1, len(whole), 7):
    cases.append(("cut_%d" % cut, whole[:cut], "no .npz archive|cannot open"))
for name, content, says in cases:
    with open("%s/%s.npz" % (folder, name), "wb") as file:
        file.write(content)
    print(name, says)
