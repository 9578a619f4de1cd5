"""Writes a bundle: a folder whose hash is of its contents and whose contents are checked before."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tidemark_trainer.canonical import canonical_hash
from tidemark_trainer.errors import OutputError

FORMAT = 1
_LIBRARIES = ("numpy", "onnx", "onnxruntime", "pyarrow", "scikit-learn", "xgboost-cpu")


def library_versions() -> dict[str, str]:
    """Versions of everything that has a say in the model's bits."""
    return {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}}


def write_bundle(
    folder: Path, description: dict[str, Any], model: bytes, parity: dict[str, Any]
) -> str:
    """Writes the folder and returns its hash, also kept in the file HASH.

    The hash is SHA-256 of the RFC 8785 form of bundle.json, which holds the hashes of all other
    files.
    The folder appears at once or not at all. Raises OutputError where it exists or cannot be
    written.
    """
    files = {
        "model.onnx": model,
        "parity.json": _json(parity),
        "MLmodel": _mlmodel(description).encode("utf-8"),
    }
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    description = {**description, "files": hashes}
    digest = canonical_hash(description)
    # The same folder is the same volume, so the rename at the end cannot be half done.
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for name, content in files.items():
            (unfinished / name).write_bytes(content)
        (unfinished / "bundle.json").write_bytes(_json(description))
        (unfinished / "HASH").write_text(digest + "\n", encoding="ascii")
        refuse_existing(folder)
        unfinished.rename(folder)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise OutputError(f"cannot write bundle {folder}: {error.strerror}") from error
    return digest


def refuse_existing(folder: Path) -> None:
    """Raises OutputError where the folder is taken: a bundle is never written over."""
    if folder.exists():
        raise OutputError(f"bundle {folder} exists already; choose another --out or remove it")


def _json(value: Any) -> bytes:
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode("utf-8")


def _mlmodel(description: dict[str, Any]) -> str:
    versions = description["libraries"]
    inputs = []
    if description["inputs"]["num"]:
        inputs.append(_tensor("num", "float32", len(description["inputs"]["num"])))
    if description["inputs"]["cat"]:
        inputs.append(_tensor("cat", "str", len(description["inputs"]["cat"])))
    signature = json.dumps(json.dumps(inputs))
    outputs = json.dumps(json.dumps([_tensor("probability", "float32", 1)]))
    return f"""flavors:
  onnx:
    data: model.onnx
    onnx_version: {versions["onnx"]}
    providers:
    - CPUExecutionProvider
  python_function:
    data: model.onnx
    loader_module: mlflow.onnx
    python_version: {versions["python"]}
signature:
  inputs: {signature}
  outputs: {outputs}
"""


def _tensor(name: str, element_type: str, columns: int) -> dict[str, Any]:
    spec = {"dtype": element_type, "shape": [-1, columns]}
    return {"name": name, "type": "tensor", "tensor-spec": spec}
