"""The columns of records in words, for croissant.json; ``docs/format.md`` has the whole of it."""

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["COLUMN_TEXTS", "CROISSANT_TYPES", "WEIGHTS_TEXT"]

WEIGHTS_TEXT = "Flat weights of a SIREN, row-major, in the order that the key arch of job.json lists."

COLUMN_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "record_id": "Number of the record in the whole store; ascending without gaps.",
        "object_id": "Which object of the source the record belongs to.",
        "view": "Which fit, or which copy, of that object; (object_id, view) is unique.",
        "seed": "Seed of the initial weights that led to this result; of a copy that of all its draws.",
        "label": "Class of the object, counted from 0; -1 means none.",
        "split": "Part of the dataset, the same for all views of an object: 0 train, 1 val, 2 test.",
        "psnr": "PSNR in dB of exactly these weights against the source, or what a copy should render; "
        "999 stands for a loss of 0, NaN for one that is not known.",
        "loss": "Mean squared error behind the PSNR.",
        "steps": "Updates behind these weights; of a copy those that repaired it.",
        "status": "0 converged or kept, 1 all steps were run, 2 diverged or rejected and not for training, "
        "3 unknown.",
        "parent_a": "record_id, in the parent store, of what the copy was made from.",
        "parent_b": "record_id, in the parent store, of what was mixed in; 2^64 - 1 means nothing.",
        "pipeline": "Which of the job's pipelines made the copy, counted from 0.",
        "in_domain": "Fraction of the probe points inside [-1, 1]^d, where parents were fitted.",
        "shadow_psnr": "PSNR in dB of the rounded weights against the source; 999 stands for a loss of 0.",
        "psnr_before": "PSNR in dB before repair; equals psnr where nothing was repaired.",
        "classes": "Classes of the soft label; -1 in unused slots.",
        "shares": "Share of each class of the soft label; what they lack to 1 is spread over all classes.",
        "params": "What was drawn for the copy; the job's pipelines name the entries.",
        "iou": "Volumetric intersection over union of the insides of field and shape; -1 where none is.",
        "surface_error": "Mean absolute error at points near the surface.",
        "sign_disagreement": "How far two ways to tell inside from outside of the mesh disagree, 0 to 1.",
        "target": "What the field was fitted to: 0 signed distance, 1 unsigned distance, 2 occupancy.",
        "repairs": "What was done to the mesh: vertices merged; faces without area left out; duplicate faces "
        "left out; faces turned round; edges of a single face that remained.",
        "attributes": "Numbers that the publisher of the imported fields states of each; the job names them.",
    }
)
"""Column -> one line on its meaning."""

CROISSANT_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "<f4": "cr:Float32",
        "<i4": "cr:Int32",
        "<u8": "cr:UInt64",
        "<u4": "cr:UInt32",
        "<u2": "cr:UInt16",
        "|u1": "cr:UInt8",
    }
)
"""NumPy type string -> Croissant's name of the type."""
