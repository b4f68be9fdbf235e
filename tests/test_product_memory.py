"""Products in bfloat16 of ever new shapes do not fill the memory."""

from __future__ import annotations

import subprocess
import sys

PRODUCTS = """
import os
{setting}
import stepwise
import psutil, torch

torch.set_num_threads(1)
weights = torch.randn(432, 160).bfloat16()
sizes = list(range(64, 1264, 2))
for size in sizes[:100]:
    torch.nn.functional.linear(torch.ones(size, 160).bfloat16(), weights)
before = psutil.Process().memory_info().rss
for size in sizes[100:]:
    torch.nn.functional.linear(torch.ones(size, 160).bfloat16(), weights)
print((psutil.Process().memory_info().rss - before) / 2**20, os.environ["LRU_CACHE_CAPACITY"])
"""


def growth(setting: str = "") -> tuple[float, str]:
    """MiB that 500 new shapes add, and the setting that was in force."""
    command = [sys.executable, "-c", PRODUCTS.format(setting=setting)]
    grown, capacity = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(grown), capacity


def test_memory_stays_flat() -> None:
    assert growth()[0] < 120  # 330 with 1024 products kept


def test_a_user_may_say_otherwise() -> None:
    assert growth("os.environ['LRU_CACHE_CAPACITY'] = '1024'")[1] == "1024"
