"""Export of a target to checked artefacts for devices."""

from keras_dcat.export.checking import Check
from keras_dcat.export.description import Description
from keras_dcat.export.exporting import Export, export_target
from keras_dcat.export.micro.writing import OnMicrocontroller

__all__ = ["Check", "Description", "Export", "OnMicrocontroller", "export_target"]
