"""eeprom - the memory of a 400GBASE-DR4 module with CMIS, as the test NIC's eeprom50 takes it.

After the tables of OIF-CMIS-05.2: 128 bytes of lower memory, then 128 for each page from 00h on.
"""


def cmis(serial="EX5555000001", los=0, rx=(7943,) * 4):
    """'los': bits of lanes whose loss of signal is latched; 'rx': power of lanes in 0.1 uW."""
    memory = bytearray(128 * 19)

    def put(page, at, data):
        start = at if at < 128 else 128 + 128 * page + at - 128
        memory[start:start + len(data)] = data

    def numbers(*values):
        return b"".join((v & 0xffff).to_bytes(2, "big") for v in values)

    put(0, 0, bytes([0x18, 0x50, 0, 3 << 1]))
    put(0, 14, numbers(0x2d80, 32850))      # 45.5 C, 3.285 V
    put(0, 85, b"\x02")
    put(0, 128, b"\x18")
    put(0, 129, b"EXAMPLE OPTICS".ljust(16))
    put(0, 148, b"EX-400G-DR4".ljust(16))
    put(0, 164, b"1A")
    put(0, 166, serial.encode().ljust(16))
    put(0, 210, b"\xf0")                    # the medium has four lanes
    put(1, 157, bytes([0x07, 0x06, 0x03, 0x0f]))
    put(2, 128, numbers(0x4b00, 0xfb00, 0x4600, 0x0000, 36300, 29700, 34650, 31350))
    put(2, 176, numbers(25119, 3236, 19953, 5129, 30000, 5000, 27500, 7500, 25119, 1000, 19953,
                        1585))
    put(0x11, 147, bytes([los]))
    put(0x11, 154, numbers(*(12589,) * 4, 0, 0, 0, 0))
    put(0x11, 170, numbers(*(15000,) * 4, 0, 0, 0, 0))
    put(0x11, 186, numbers(*rx, 0, 0, 0, 0))
    return bytes(memory)
