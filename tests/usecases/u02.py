"""U02 - frames arrive damaged: CRC errors on one uplink, found by a sequential test."""
from nics import CONFIG, Nics



class U02(Nics):
    title = "CRC errors rising"
    sensor = "counters (link.rx_crc_errors, rx_packets), ethtool (link.fcs_errors, symbol_errors)"
    agent = "crc-watch"
    action = "route.metric"
    finding, entity = "dirty-fibre", "wan0"
    kinds = ["route.metric"]
    pulse = "link/wan0.rx_crc_errors"
    readings = 24
    config = CONFIG + """
sensor counters { period 250ms }
agent crc-watch { }
permit "use a dirty uplink last" {
    agent   crc-watch
    action  route.metric
    on      uplinks
    level   auto
    foreign objects
    budget  steering
    verify  within 10s that link.carrier == true
    confirm after 1s
}
"""

    def healthy(self, a):
        """a plug is touched: for a moment a frame or two arrive damaged, then none"""
        self.knob(0, crc_ppm=20000)
        self.count_readings(a, 3)
        self.knob(0, crc_ppm=0)

    def lookalike(self, a):
        """2 % of the frames find no buffer, and 0.5 % have a wrong length: lost, but not damaged"""
        self.knob(0, drop_ppm=20000, length_ppm=5000)

    def lookalike_end(self, a):
        self.knob(0, drop_ppm=0, length_ppm=0)

    def fault(self, a):
        """a dirty fibre: 5 % of the frames arrive with a wrong checksum"""
        self.knob(0, crc_ppm=50000)

    def fault_end(self, a):
        self.knob(0, crc_ppm=0)
