"""Group `publishing`: `warehouse`, `report`."""

from apexline.assets.publishing.warehouse_build import open_warehouse, read_relation

__all__ = ["open_warehouse", "read_relation"]
