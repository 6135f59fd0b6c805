"""What the sensor wireguard says of peers, next to wg(8); and routes of a VRF, next to ip(8)."""


def dump(r):
    """The peer's line of wg(8): key, preshared key, endpoint, networks, handshake, rx, tx, ..."""
    return r.net.do("router", "wg", "show", "wg0", "dump").splitlines()[1].split("\t")


def check_a_peer_is_what_wg_shows(r):
    r.has("wireguard")
    r.net.do("router", "ping", "-q", "-c", "3", "-i", "0.2", "-W", "5", "10.25.0.2", check=False)
    name = "wg_peer/wg0/%s." % r.wg_peer

    def same():
        peer = dump(r)
        endpoint, port = peer[2].rsplit(":", 1)
        of = r.facts(name[:-1])
        return int(peer[4]) > 0 and of.get(name + "rx_bytes") == int(peer[5]) and \
            of.get(name + "tx_bytes") == int(peer[6]) and of.get(name + "port") == int(port) and \
            (of.get(name + "endpoint") or "").split("/")[0] == endpoint and \
            (of.get(name + "handshake_age") or 0) > 0
    r.wait("the peer is as wg shows it", same, 90)
    assert r.fact(name + "key") == r.wg_peer and r.fact(name + "dev") == "wg0"


def check_the_table_of_a_vrf_is_in_the_model(r):
    r.has("vrf")
    r.net.lines("router", """link add vp type dummy
        link set vp master vrf0
        addr add 10.26.0.1/24 dev vp
        link set vp up
        route add 10.27.0.0/24 via 10.26.0.2 dev vp table 100""")
    try:
        r.wait("the port is in the VRF", lambda: r.fact("link/vp.master") == "vrf0")
        r.wait("the route is in its table", lambda: any(
            "10.27.0.0/24" in line and "100" in line
            for line in r.a.ctl("snapshot").splitlines()))
    finally:
        r.net.ip("router", "link", "del", "vp")
