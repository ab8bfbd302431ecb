#!/usr/bin/env python3
"""What a browser shows: page.py URL EXPRESSION

Opens URL in a headless Chromium of its own, waits until the script's
EXPRESSION is true there, and prints the page as it is then.
"""
import sys
import time

sys.dont_write_bytecode = True
from chromium import chromium  # noqa: E402


def main():
    url, wanted = sys.argv[1:]
    with chromium() as browser:
        session = browser.open(url)
        while not browser.evaluate(session, wanted):
            time.sleep(.05)
        print(browser.evaluate(session, 'document.documentElement.outerHTML'))


main()
