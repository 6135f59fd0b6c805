"""What the sensor bond says of LACP, and bridge of VLANs, next to ip(8) and bridge(8)."""


def check_both_ends_of_lacp_are_seen(r):
    r.has("bond")
    r.wait("both members carry", lambda: r.fact("bond/bond0.members_carrying") == 2, 90)
    assert r.fact("bond/bond0.mode") == "802.3ad"
    assert r.fact("bond/bond0.partnered") is True
    info = r.tool("router", "ip", "-d", "-j", "link", "show", "bond0")[0]["linkinfo"]["info_data"]
    assert r.fact("bond/bond0.partner") == info["ad_info"]["partner_mac"]
    assert r.fact("bond/bond0.ports") == info["ad_info"]["num_ports"] == 2
    for dev in "eth0", "eth1":
        member = r.tool("router", "ip", "-d", "-j", "link", "show", dev)[0]["linkinfo"]
        state = member["info_slave_data"]["ad_partner_oper_port_state"]
        assert r.fact("bond_member/%s.partner_state" % dev) == state
        assert r.fact("bond_member/%s.spare" % dev) is True
        assert r.fact("bond_member/%s.churn" % dev) in ("monitoring", "none")


def check_a_member_that_the_partner_leaves_out_is_seen(r):
    r.has("bond")
    r.wait("both members carry", lambda: r.fact("bond/bond0.members_carrying") == 2, 90)
    master = r.tool("far", "ip", "-j", "link", "show", "eth1")[0]["master"]
    r.net.lines("far", "link set eth1 nomaster\nlink set eth1 up")
    r.wait("eth1 does not carry", lambda: r.fact("bond_member/eth1.mii_up") is True and
           r.fact("bond_member/eth1.carries") is False, 90)
    assert r.fact("bond/bond0.members_bad") == 1
    assert r.fact("bond_member/eth1.spare") is True and r.fact("bond_member/eth0.spare") is False
    r.net.lines("far", "link set eth1 down\nlink set eth1 master %s" % master)
    r.wait("both members carry again", lambda: r.fact("bond/bond0.members_carrying") == 2, 90)


def check_the_vlans_of_a_port_are_those_of_bridge(r):
    r.net.lines("router", """link add brv type bridge vlan_filtering 1 mcast_querier 1
        link add brp type dummy
        link set brp master brv
        link set brp up
        link set brv up""")
    try:
        r.net.do("router", "bridge", "vlan", "add", "dev", "brp", "vid", "10-20")
        r.net.do("router", "bridge", "vlan", "add", "dev", "brp", "vid", "7", "pvid", "untagged")
        r.wait("the VLANs are known", lambda: r.fact("bridge_port/brp.vlan_list") == "1,7,10-20",
               60)
        assert r.fact("bridge_port/brp.pvid") == 7
        assert r.fact("bridge_port/brp.vlans") == 13
        assert r.fact("bridge/brv.vlan_filtering") is True
        assert r.fact("bridge/brv.mcast_querier") is True
    finally:
        r.net.lines("router", "link del brv\nlink del brp")
