"""U03 - code words that FEC cannot correct: the link is drained before frames are lost."""
from nics import CONFIG, Nics


class U03(Nics):
    title = "Uncorrectable FEC code words"
    sensor = "ethtool (link.fec_uncorrected, fec_loss, pre_fec_ber, feclane)"
    agent = "fec-watch"
    action = "route.metric"
    finding, entity = "fec-failing", "wan0"
    kinds = ["route.metric"]
    pulse = "link/wan0.fec_corrected"
    readings = 8
    # Code words go over the line with frames or without: few of them show as much, and leave an
    # emulated processor to the daemon.
    period, good = 0.1, 40
    config = CONFIG + """
agent fec-watch { }
permit "drain an uplink whose FEC fails" {
    agent   fec-watch
    action  route.metric
    on      uplinks
    level   auto
    foreign objects
    budget  steering
    verify  within 10s that link.carrier == true
    confirm after 1s
}
"""

    def settle(self, a):
        super().settle(a)
        self.ber(1e-8)

    def ber(self, rate, lane=None):
        n = round(rate * 1e15)
        if lane is None:
            self.knob(0, ber=n)
        else:
            self.knob(0, ber_lane="%d %d" % (lane, n))

    def healthy(self, a):
        """a short link: one bit in a hundred million is wrong, and corrected"""

    def lookalike(self, a):
        """a long link of four PAM4 lanes: 2e-4 before FEC, thousands of code words corrected"""
        self.ber(2e-4)

    def lookalike_end(self, a):
        self.ber(1e-8)

    def fault(self, a):
        """one lane gets worse: a bit in a thousand on lane 2, more than RS(544,514) can correct"""
        self.ber(1e-3, 2)

    def fault_end(self, a):
        self.ber(1e-8)
