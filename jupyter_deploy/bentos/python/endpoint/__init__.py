"""What runs inside a release: the codec, the hot path in front of BentoML, and the processes that hold a model.

The folder is copied into every bundle as the package `endpoint`; it imports nothing of `jupyter_deploy`. The rooms, from outside
to inside: `parent`, `release` and `workers` hold the processes, `server` one worker's loop, `hotpath` the routes, `keys` says who
may call, `rows` and `codec` turn data into JSON and back, `model` is the model itself, `board` and `metrics` count.
"""
