"""The soak: telephones make calls and transfers for as long as asked, on a bad network, while things die around them.

    make soak MINUTES=30        or        python -m switchhook.lab.soak --minutes 30 --seed 7

A server process of its own, several *lanes* of telephones beside each other. A lane has a customer, two agents behind a
carrier and two at desks; it plays one scene after another, chosen by the seed. Every SIP and RTP packet of every
telephone passes a link that loses, doubles and overtakes; the web application fails and hangs; the audio processes are
killed now and then. What each telephone must hear in each phase of a scene is judged by its ears, what became of each
transfer and leg by the journal, and what is left at the end by `/metrics`.

Not promised: the same order of events twice. The seed gives the same scenes and the same faults per link, but the
sockets are real.
"""
