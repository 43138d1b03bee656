"""What becomes of entries when members are merged or erased, and of what must hold, on both."""

import json
from datetime import timedelta

import pytest

from koipond_lottery import service
from koipond_lottery.types import Entry, LotteryDraft, LotteryId, PrizeDraft
from koipond_sdk import MemberId, Viewer, encode, new_id
from koipond_sdk.testing import STAFF, Factory, RunningShop, dies_at
