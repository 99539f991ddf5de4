"""Progress: a bar at a terminal, plain lines otherwise."""

import sys
import time

WIDTH = 30


def say(text):
    clear = "\r\033[K" if sys.stderr.isatty() else ""
    print(clear + text, file=sys.stderr, flush=True)


class Bar:
    def __init__(self, steps):
        self.steps = max(1, steps)
        self.done = 0
        self.started = time.monotonic()
        self.cell = None

    def step(self, cell, system):
        self.done += 1
        if sys.stderr.isatty():
            share = self.done / self.steps
            left = (time.monotonic() - self.started) * (1 - share) / share
            full = int(WIDTH * share)
            print(f"\r\033[K[{'#' * full}{'.' * (WIDTH - full)}] {self.done}/{self.steps}  {left:4.0f} s left  {cell}  {system}",
                  end="", file=sys.stderr, flush=True)
        elif cell != self.cell:
            self.cell = cell
            say(f"{time.monotonic() - self.started:6.0f} s  {cell} ({self.done}/{self.steps})")

    def end(self):
        if sys.stderr.isatty():
            print(file=sys.stderr)
