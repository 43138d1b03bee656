"""Rewards: one plugin says what for, another one gives them, by their kind."""

from koipond.member.errors import RewardKindUnknown
from koipond.member.service import check_reward_kind, grant_reward
from koipond.member.types import Reward

__all__ = ["Reward", "RewardKindUnknown", "check_reward_kind", "grant_reward"]
