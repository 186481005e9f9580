"""Exporting bent models for nn~ (Max/MSP, Pure Data) and NN.ar (SuperCollider)."""

from torchbend.description import AttributeInfo, FileInfo, MethodInfo
from torchbend.export.exporter import Export, export

__all__ = ["AttributeInfo", "Export", "FileInfo", "MethodInfo", "export"]
