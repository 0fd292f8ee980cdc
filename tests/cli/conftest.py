import json
from types import SimpleNamespace
import pytest
@pytest.fixture(scope="session")
def platform():
    p = json.load(open("/tmp/myplat.json"))
    return SimpleNamespace(url=p["url"], api_key=p["api_key"], other_api_key=p["other"])
