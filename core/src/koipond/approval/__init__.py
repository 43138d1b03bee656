"""Acts of staff that a second one of them must agree to: four eyes."""
