"""The test kit for every test of the workspace."""

pytest_plugins = ["koipond_sdk.testing.plugin"]
