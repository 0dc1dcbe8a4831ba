"""Other lossless tools on a pair of files: python compress_peers.py BASE.safetensors POST.safetensors SCRATCH. A line of JSON with their
versions, and one for each of them.

A tool that is not installed is left out. Seconds are wall time, the shortest of three runs; the files lie in memory where SCRATCH does.
"""
import functools
import importlib.metadata
import json
import os
import shutil
import struct
import subprocess
import sys
import time

base_file, post_file, scratch = sys.argv[1:]
base, post = (open(path, "rb").read() for path in (base_file, post_file))


def header_end(data):
    return 8 + struct.unpack("<Q", data[:8])[0]


def tensors(data):
    begin = header_end(data)
    header = json.loads(data[8:begin])
    return {name: (entry["dtype"], begin + entry["data_offsets"][0], begin + entry["data_offsets"][1])
            for name, entry in header.items() if name != "__metadata__"}


def aligned():
    """The base's bytes where the post has the tensor of the same name and size, with or without `bert.`; zeros elsewhere."""
    import numpy
    out = numpy.zeros(len(post), numpy.uint8)
    known = tensors(base)
    for name, (dtype, begin, end) in tensors(post).items():
        found = known.get(name) or known.get("bert." + name)
        if found and found[0] == dtype and found[2] - found[1] == end - begin:
            out[begin:end] = numpy.frombuffer(base, numpy.uint8, end - begin, found[1])
    return out


def xored():
    import numpy
    return numpy.bitwise_xor(numpy.frombuffer(post, numpy.uint8), aligned())


def is_half():
    return any(dtype == "BF16" for dtype, _, _ in tensors(post).values())


def measure(name, compress, decompress):
    try:
        there, back_again = [], []
        for _ in range(3):
            started = time.perf_counter()
            packed = compress()
            packed_at = time.perf_counter()
            back = decompress(packed)
            there.append(packed_at - started)
            back_again.append(time.perf_counter() - packed_at)
        size = packed if isinstance(packed, int) else len(packed)
        print(json.dumps({"name": name, "bytes": size, "compress": min(there), "apply": min(back_again),
                          "exact": bytes(back) == post}), flush=True)
    except ImportError:
        pass
    except Exception as error:
        print(json.dumps({"name": name, "error": str(error)[:200]}), flush=True)


def with_zstd(data):
    import zstandard
    return zstandard.ZstdCompressor(level=3, threads=-1).compress(bytes(data))


def from_zstd(data):
    import zstandard
    return zstandard.ZstdDecompressor().decompress(data)


def unxor(data):
    import numpy
    return numpy.bitwise_xor(numpy.frombuffer(bytes(data), numpy.uint8), aligned())


def zipper():
    import zipnn
    return zipnn.ZipNN(bytearray_dtype="bfloat16" if is_half() else "float32", input_format="byte")


def lmz_archive(names):
    folder, archive = os.path.join(scratch, "lmz"), os.path.join(scratch, "lmz.lmz")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for name in names:
        shutil.copy({"a-base": base_file, "b-post": post_file}[name], os.path.join(folder, name + ".safetensors"))
    if os.path.exists(archive):
        os.remove(archive)
    from lmz import api
    api.compress(folder, archive)
    return os.path.getsize(archive)


def lmz_both():
    alone = lmz_archive(["a-base"])
    return lmz_archive(["a-base", "b-post"]) - alone


def lmz_back(_):
    from lmz import api
    out = os.path.join(scratch, "lmz-out")
    shutil.rmtree(out, ignore_errors=True)
    api.decompress(os.path.join(scratch, "lmz.lmz"), out)
    found = subprocess.run(["find", out, "-name", "b-post.safetensors"], capture_output=True, text=True).stdout.split()
    return open(found[0], "rb").read()


def z4ai_delta():
    from z4ai import model_delta
    return model_delta.compress(post, base)


def z4ai_back(packed):
    from z4ai import model_delta
    return model_delta.decompress(packed, base)


def versions():
    for name in ("zipnn", "lmzip", "z4ai", "hexz", "zstandard"):
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass


def hexz_pack(file, name, **options):
    """A folder: the files of an archive of one file have no names, and Python reads them by name."""
    import hexz
    folder, out = os.path.join(scratch, name), os.path.join(scratch, name + ".hxz")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    shutil.copy(file, os.path.join(folder, "model.safetensors"))
    if os.path.exists(out):
        os.remove(out)
    hexz.pack(folder, out, compression="zstd", **options)
    return out


def hexz_thin():
    return os.path.getsize(hexz_pack(post_file, "hexz-post", base=hexz_base()))


def hexz_back(_):
    import hexz
    return hexz.Archive(os.path.join(scratch, "hexz-post.hxz")).read("model.safetensors")


@functools.cache
def hexz_base():
    return hexz_pack(base_file, "hexz-base")


print(json.dumps(dict(versions())), flush=True)
measure("zstd 3, whole file", lambda: with_zstd(post), from_zstd)
# zipnn works in place, and would change the file that others are measured on.
measure("zipnn, whole file", lambda: zipper().compress(bytearray(post)), lambda data: zipper().decompress(bytes(data)))
measure("XOR + zstd 3", lambda: with_zstd(xored()), lambda data: unxor(from_zstd(data)))
measure("XOR + zipnn", lambda: zipper().compress(bytearray(xored().tobytes())), lambda data: unxor(zipper().decompress(bytes(data))))
measure("z4ai, delta of a model", z4ai_delta, z4ai_back)
measure("lmzip, both in one archive less the base alone", lmz_both, lmz_back)
# The base is packed in the first of the two runs, which does not count.
measure("hexz, thin archive over that of the base", hexz_thin, hexz_back)
