"""What a wheel is built of, in the root of a clone."""

BUILT = ("workflow", "config", "envs", "profiles", "resources", "tools")
FILES = ("Snakefile", "setup.py", "pyproject.toml", "README.md", "LICENSE")
