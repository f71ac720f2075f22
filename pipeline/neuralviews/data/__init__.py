"""Training on a store: a torch dataset of neural views, and batches in the layouts that readers take."""

from .batch import Graph, Layers, Layout, ViewBatch, ViewItem
from .dataset import ViewDataset

__all__ = ["Graph", "Layers", "Layout", "ViewBatch", "ViewDataset", "ViewItem"]
