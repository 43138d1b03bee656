"""Use-cases about plugins."""

from koipond.plugin.service.keeping import (
    check_reward_kind,
    find_lost_rewards,
    find_misfits,
    find_prefixes,
    forget_plugin,
    note_tables,
    see_settings,
    set_settings,
    settings_of,
)
from koipond.plugin.service.switching import (
    disable,
    enable,
    find_installed,
    read_states,
    turn_off,
    turn_on,
)

__all__ = [
    "check_reward_kind",
    "disable",
    "enable",
    "find_installed",
    "find_lost_rewards",
    "find_misfits",
    "find_prefixes",
    "forget_plugin",
    "note_tables",
    "read_states",
    "see_settings",
    "set_settings",
    "settings_of",
    "turn_off",
    "turn_on",
]
