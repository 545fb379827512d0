"""The last words of `make reproduce`: the main result, and where everything lies.

python tools/where_to_look.py [FOLDER that holds results/]
"""

import sys
from pathlib import Path

RESULTS = Path(*sys.argv[1:2], "results")

PLACES = {
    "study.html": "surfaces, slices, leaderboard and figures on one page; open it in a browser",
    "report.html": "every table and figure with its full caption",
    "tables/": "table1 and table2 (.csv .md .tex), leaderboard (.html .md .csv)",
    "figures/": "figure1 to figure4, quality_by_views, biplane (.png .pdf)",
    "meshes/": "surfaces for 3D Slicer or ParaView (.stl .vtp)",
    "provenance.html": "revision, seeds, machines, run times; what made each table and figure",
}

print("\nMean IoU of the test patients (95 % interval of t over patients, of few patients none):\n")
print((RESULTS / "tables/iou_by_method.md").read_text(encoding="utf-8"))
print("Where to look:")
paths = {place: f"{RESULTS / place}{'/' * place.endswith('/')}" for place in PLACES}
for place, what in PLACES.items():
    print(f"  {paths[place]:<{max(map(len, paths.values()))}}  {what}")
