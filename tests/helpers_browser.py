"""A headless Chromium to open pages in, driven over a pipe: no package and no port is needed."""

import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import time

CHROMIUM = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-background-networking",
    "--no-first-run",
    "--remote-debugging-pipe",
)
_LONGEST = 60.0


class Browser:
    """One tab of a browser.

    Attributes
    ----------
    complaints : list of str
        What the page wrote on the console, exceptions included.
    requests : list of str
        The addresses that it asked for.
    """

    def __init__(self, profile):
        # Chromium reads commands from descriptor 3 and writes answers to 4.
        (
            self._commands,
            theirs_in,
        ) = os.pipe()[::-1]
        theirs_out, self._answers = os.pipe()[::-1]
        script = f'exec 3<&{theirs_in} 4>&{theirs_out}; exec "$@"'
        self._process = subprocess.Popen(
            ["bash", "-c", script, "bash", CHROMIUM, *_FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._session = None
        self.complaints, self.requests = [], []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method, **options):
        """Send a command of the DevTools protocol and return its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": options}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + _LONGEST
        while True:
            answer = self._read(end)
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def _read(self, end):
        while b"\0" not in self._buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._answers], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            part = os.read(self._answers, 1 << 20)
            assert part, "the browser has ended"
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\0")
        answer = json.loads(line)
        self._note(answer.get("method"), answer.get("params", {}))
        return answer

    def _note(self, event, found):
        if event == "Network.requestWillBeSent":
            self.requests.append(found["request"]["url"])
        elif event in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            self.complaints.append(json.dumps(found))

    def evaluate(self, expression):
        """Return the value of a JavaScript expression."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def open(self, url, ready, longest=5.0):
        """Open a page and return how many seconds it took until `ready`, an expression, is true."""
        self.complaints.clear()
        self.requests.clear()
        start = time.monotonic()
        # From another page, or a new fragment alone would not load it anew.
        self.send("Page.navigate", url="about:blank")
        self.send("Page.navigate", url=url)
        while not self.evaluate(
            f"location.protocol === 'file:' && document.readyState !== 'loading' && !!({ready})"
        ):
            assert time.monotonic() - start < longest, "not ready in time"
            time.sleep(0.02)
        return time.monotonic() - start

    def close(self):
        """End the browser."""
        with contextlib.suppress(AssertionError, OSError, TimeoutError):
            self._session = None
            self.send("Browser.close")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._commands)
        os.close(self._answers)
