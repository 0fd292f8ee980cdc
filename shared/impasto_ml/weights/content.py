"""What a file is by its first bytes, whatever its name says."""

from pathlib import Path

# Suffixes of formats that hold code or pickles, or may: never read, not even looked into.
UNSAFE_SUFFIXES = frozenset({
    ".bin", ".ckpt", ".pt", ".pt2", ".pth", ".pkl", ".pickle", ".joblib", ".dill", ".mar", ".npy", ".npz", ".msgpack",
    ".h5", ".hdf5", ".keras", ".pb", ".onnx", ".ot", ".tflite", ".mlmodel", ".gguf", ".ggml", ".zip", ".tar", ".gz",
    ".bz2", ".xz", ".7z", ".rar", ".whl", ".egg", ".jar", ".py", ".pyc", ".pyd", ".pyi", ".so", ".dll", ".dylib",
    ".exe", ".sh", ".bat", ".ps1", ".ipynb", ".js", ".jinja", ".jinja2", ".yaml", ".yml", ".xml", ".html",
})  # fmt: skip

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip archive (as torch.save writes)"),
    (b"PK\x05\x06", "a zip archive"),
    (b"PK\x07\x08", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy file"),
    (b"GGUF", "a GGUF file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"#!", "a script"),
)
_TAR_AT, _TAR = 257, b"ustar"
_PROTOCOLS = b"\x02\x03\x04\x05"
# Protocols 0 and 1 are text without a magic number: the usual first opcodes of a global, a mark or an empty container.
_OLD_PICKLE = tuple(
    f"c{module}\n".encode() for module in ("__builtin__", "builtins", "os", "posix", "nt", "subprocess")
)
_OLD_PICKLE += (b"(c", b"(dp", b"(lp", b"}q", b"]q")


def disguise(path: Path) -> str | None:
    """What the content is if that is a pickle, an archive or a program, in words; None otherwise."""
    with path.open("rb") as file:
        head = file.read(_TAR_AT + len(_TAR))
    # The length that opens a safetensors file may begin like anything; no pickle or archive goes on like one.
    if head[4:9] == b"\x00\x00\x00\x00{":
        return None
    if head.startswith(_OLD_PICKLE) or (head[:1] == b"\x80" and head[1:2] in _PROTOCOLS and len(head) > 1):
        return "a pickle"
    if head[_TAR_AT:] == _TAR:
        return "a tar archive"
    return next((name for start, name in _STARTS if head.startswith(start)), None)
