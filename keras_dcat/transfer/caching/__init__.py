"""What a frozen source says of windows, found once instead of in every epoch."""

from keras_dcat.transfer.caching.cached_pairs import cache_source

__all__ = ["cache_source"]
