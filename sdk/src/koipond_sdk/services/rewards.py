"""Rewards: one plugin says what for, another one gives them, by their kind."""

from koipond.member.service import grant_reward
from koipond.member.types import Reward
from koipond.plugin.errors import RewardKindUnknown
from koipond.plugin.service import check_reward_kind

__all__ = ["Reward", "RewardKindUnknown", "check_reward_kind", "grant_reward"]
