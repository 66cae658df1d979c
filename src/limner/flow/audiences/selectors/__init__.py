"""The selectors that ship; one file adds one."""
