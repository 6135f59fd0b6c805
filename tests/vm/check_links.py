"""What rtnl and its neighbours say of bonds, VLANs, VRFs and tunnels."""


def check_links_have_their_kinds(r):
    for dev, part, kind in (("bond0", "bond", "bond"), ("swan.7", "vlan", "vlan"),
                            ("vrf0", "vrf", "vrf"), ("wg0", "wireguard", "wireguard")):
        r.has(part)
        r.wait("%s is a %s" % (dev, kind), lambda: r.fact("link/%s.kind" % dev) == kind)


def check_members_of_a_bond_name_it(r):
    r.has("bond")
    for dev in "eth0", "eth1":
        r.wait("%s is a member" % dev, lambda: r.fact("link/%s.master" % dev) == "bond0")
