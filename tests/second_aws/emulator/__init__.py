"""MiniStack, an emulator of AWS, with what differs from AWS bridged: one file a service.

Runs in an environment of its own, see requirements-ministack.in; nothing else imports it.
"""
