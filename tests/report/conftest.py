import json

import pytest


@pytest.fixture
def write(tmp_path):
    """Writes a value as a JSON file of the test's folder."""

    def written(name, value):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))

    return written
