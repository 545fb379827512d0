"""How well a reconstruction agrees with the truth. `registry` names every metric.

What uses one module here imports that one: an edit of another reruns nothing of it.
"""
