"""What the sensor tc says of queues, next to tc(8)."""
FLOOD = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[2])):
    try:
        s.sendto(b"x" * 1000, (sys.argv[1], 9))
    except OSError:
        pass
"""


def counted(r, dev, kind):
    """The line of tc(8) for the queue of this kind."""
    return [q for q in r.tool("router", "tc", "-s", "-j", "qdisc", "show", "dev", dev)
            if q["kind"] == kind][0]


def same(r, entity, dev, kind):
    """Wait until facts of an entity are what tc counts; its line."""
    names = {"bytes": "bytes", "packets": "packets", "drops": "drops", "overlimits": "overlimits",
             "backlog": "backlog", "qlen": "qlen"}

    def compare():
        q = counted(r, dev, kind)
        of = r.facts("qdisc/" + entity)
        return q if all(of.get("qdisc/%s.%s" % (entity, fact)) == q[name]
                        for fact, name in names.items()) else None
    return r.wait("qdisc/%s is what tc says" % entity, compare, 60)


def flood(r, address, packets=300):
    r.net.do("router", "python3", "-c", FLOOD, address, packets)


def check_an_idle_queue_is_what_tc_says(r):
    r.has("qdiscs")
    same(r, "qcodel", "qcodel", "fq_codel")
    assert r.fact("qdisc/qcodel.kind") == "fq_codel"


def check_cake_shapes_and_drops_as_tc_counts(r):
    r.has("qdiscs")
    assert r.fact("qdisc/qcake.rate") == 10000000
    flood(r, "10.21.0.2", 4500)
    q = same(r, "qcake", "qcake", "cake")
    assert q["packets"] > 300, q
    tins = r.facts("qdisc/qcake/tin*.packets")
    for n, tin in enumerate(counted(r, "qcake", "cake")["tins"]):
        assert tins["qdisc/qcake/tin%d.packets" % n] == tin["sent_packets"], (tins, tin)


def check_a_short_fq_codel_drops_as_tc_counts(r):
    r.has("qdiscs")
    flood(r, "10.22.0.2")
    q = counted(r, "qhtb", "fq_codel")
    assert q["drops"] > 0, q
    same(r, "qhtb/%s" % q["handle"].rstrip(":"), "qhtb", "fq_codel")
    same(r, "qhtb", "qhtb", "htb")
