"""Points: a balance per member that rewards fill and staff correct."""
