def measure(programs, folder):
    return None
