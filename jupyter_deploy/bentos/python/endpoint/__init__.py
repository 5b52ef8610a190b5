"""What runs inside a release: the codec, the hot path in front of BentoML, and the processes that hold a model.

The folder is copied into every bundle as the package `endpoint`; it imports nothing of `jupyter_deploy`. The rooms, in the order in
which a request meets them: `parent` and `release` hold the processes, `server` one worker's loop, `hotpath` the routes, `keys` who may
call, `rows` and `codec` the data, `model` the model itself, `board` and `metrics` what is counted.
"""
