"""What AWS does with the templates, on this machine: one module for each service's part.

A rehearsal is a :class:`~.cloud.Cloud`, an AWS of its own that answers on a port of the loopback interface, the
services that work in it, and what they are given: templates, an application, a push. Nothing here reads AWS
credentials or calls AWS.
"""
