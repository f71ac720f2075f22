"""Training on a store: a torch dataset of neural views, and batches in the layouts that readers take."""

from .batch import FlatBatch, GraphBatch, LayersBatch, Layout, ViewItem
from .dataset import ViewDataset

__all__ = ["FlatBatch", "GraphBatch", "LayersBatch", "Layout", "ViewDataset", "ViewItem"]
