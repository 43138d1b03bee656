"""Acts that staff may not do alone; the setting `four_eyes` says which."""

from koipond.approval.service import check_policy

__all__ = ["check_policy"]
