"""Group `publishing`: `warehouse`, `drift`, `report`."""

from apexline.assets.publishing.warehouse import publish_warehouse
from apexline.assets.publishing.warehouse_read import open_warehouse, read_relation

__all__ = ["open_warehouse", "publish_warehouse", "read_relation"]
