"""The parts around a lock's processor: keypad, bolt, RTC, battery."""
