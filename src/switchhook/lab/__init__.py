"""The lab: everything that tests Switchhook, shipped so that it tests your own call flows too.

virtual_time    a clock that jumps: `run`, `in_virtual_time`, `settle`
network, faults, shaky      a fake network with seeded faults; the same faults on real sockets
phones, phone, manners      virtual telephones: open, call, answer, hold, press keys, wait for what happens
carrier         many telephones behind the one address of a trunk
ears, heard, detector, fingerprints, rhythm, tones    who and what a telephone hears, when, to the frame
judge           whether a received RTP stream is continuous
world, world_real, plugin   a whole switch with telephones, in virtual time or over real sockets; the pytest fixtures
stage           the same without SIP, for stories that are only about decisions
replay          a past call again, from its journal
terminal        a telephone in the terminal (`switchhook phone`)
"""
