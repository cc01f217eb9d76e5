"""What the experiments run on: texts, tables, vocabularies, and small samples that need no download.

``sonnets.txt`` holds William Shakespeare's sonnets 18, 29, 30, 55, 60, 73, 116 and 130, first printed in London in
1609 (*Shake-speares Sonnets*, Thomas Thorpe), in modernised spelling. The work is in the public domain.

``surnames_sample.csv`` holds 654 common surnames of 18 nationalities, put together for this project and split 70/15/15.
"""
