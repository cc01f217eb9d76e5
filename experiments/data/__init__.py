"""Texts to run on.

``sonnets.txt`` holds William Shakespeare's sonnets 18, 29, 30, 55, 60, 73, 116 and 130, first printed in London in
1609 (*Shake-speares Sonnets*, Thomas Thorpe), in modernised spelling. The work is in the public domain.
"""
