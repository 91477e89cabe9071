"""The tests of the launch page in Chromium: make browser-test."""
