// Which code points FTS5's unicode61 tokenizer (remove_diacritics 2) takes as letters and how it folds them, from U+0080 on.
// Found by asking SQLite about every code point; text-tokens.test.ts asks again and compares. Data only.

/** Ranges of token characters: gap since the range before, then `.` and the further length; base 36. */
export const tokenRanges = [
  "16 7.1 1 3.1 1.2 1.m 1.u 1.cp 4.b e.4 7 1 3l.4 1.7 1.4 2 1.31 1.3u 8.5r 6.14 2.3 1 1j.16 2.a 5 m.1 2.16 l.9 ",
  "4.1 1.2q 1 f.1 7.e 2 e 1 1.t r.2i b.1l 9.1 4.r 4 9 3 5.1 f.p 3.1 1.3o r 4.1h 3 i 7.9 4.9 1.f 3.1j 1 7.1 2.1 ",
  "3.8 1.9 2.d 2.5 2.4 3.1j 1 5.3 2.1 3.2 1.t 2.2 1.a 3.1j 1 8 3 3.j 2.b 2.e 3.1j 1 7.1 2.1 3.7 2.9 2.b 1.g 1.1m ",
  "5.2 3 4.8 1.q 8.5 3.1l 7 3 4.6 2.a 2.q 1.1 2.1j 1 7 3 4.6 2.a 2.t 2.1l 7 3 4.8 1.9 2.k 1.7 2.1x 1.3 6 1 8.h ",
  "3.1n 1.1 7.3 1.6 9.9 2.2c 1.1 6 2.a 6.1e v.j c.1c n.4 b 10 f d.27 k.a 6.5 4.3 3 3.1 7.2 4.c c 1.9 6.2i 1.gw ",
  "c.12 a.2t 1.h7 2.g 1.p 2.25 3.z 3.s 5.q 2.t 2.1r z 4 1.x f.49 1.39 c.3 c.3 1.2 2.2x h.6 2.j y.m 5.1 2.1g a t.1 ",
  "1.v 7 6.29 5.1a h.k z.2 3.t d.1j e.7 4.z k.2 5.1p 2.1r 8.7 p.3 1.3 3.5m 13.k 4.cc 1 3.a 3.c 3.c 3.c 2 2t.4 6.9 ",
  "5.a 5.g q.l x.e 2 4 2.9 1 3.4 6 1 1 1.3 1.a 2.3 5.4 4 1.1r h0.b 13.o b.28 26.l e8 39.t qh.2 a.ay 6.3 3.6 4 ",
  "2.33 1.d 1.2n 27 c.1v q 2h.b 5y.p c.3 5.2 p.8 7.4 2.4 3.2g 4.2 1.2h 1.43 2.3 a.v 10.r v.a u.7 1.e w.9 13.e 1r ",
  "74.533 1s.h3j 1j.1i 2.7g 3.2m g.v 1.27 8.7 n.8 2.2u 2.3a 1.2 1.3 1.m 9.9 4.1l 4.7 2.1d h.8 2.f i.5 3.16 a.m ",
  "d.a 1.v 4.1a r.f 2.20 e.b 1.7 2.d 4.m 3 1.1f 1 3.1 2.4 2 1.r 2.a 7.2 2.6j b.8pd 1kw.5ct 1.9 1.3r g.aj 2.57 2.1 ",
  "q.5 7.8 z j 4.42 1 f.9 7.p 6.p b.3d 7 7.9 7.73 3.1f 9.1k h.5 c.1f 1a.bk 1.1b 1.w5 1.5i 1.u 1.5c 3 2.4 4.13 3.3 ",
  "1.f 9.11 1.54 7.xr 3.1g m.1d 3.18 i.1p 3.z e.a 4.1n 3.1b e.3 4.yp d.2pj 4.esc 1a.f 4.j1o 6u.9 13.1 51.x 1y.55 ",
  "2f.o9 1.o 1.u 1.o 1.u 1.o 1.u 1.o 1.u 1.o 1.4kr 2.7h 18.3 2s.b f.1 e.1 f f.1b v 1o.3 17.22 t.c 17.4 9.6 2.4t ",
  "x.e 6 1y.2 k.b 11 5.k h.e 1r 1 52 4.2 1q.1 4.b o.42 1y.3 b.1b 1y.1l 38.gwi4 1.t 2o.3j 6o.47bj",
].join("");

/** Ranges of marks that vanish inside a token; the same form. */
export const droppedRanges = [
  "hs.4 1.6 2 1 9 7.5 4.1 1.1",
].join("");

/**
 * Foldings: gap, kind, count if not 1, `>` and the first target; base 36. Kinds: `.` neighbours move alike,
 * `:` every second one moves alike, `=` neighbours have one target.
 */
export const foldRuns = [
  "1h.>qk a=6>2p 0.>6e 0.>2r 0=4>2t 0=4>2x 0.>6o 0.2>32 0=4>33 1.>6w 0=4>39 0.>3d 0.>72 1=6>2p 1.>2r 0=4>2t ",
  "0=4>2x 1.2>32 0=4>33 2=4>39 0.>3d 1.>3d 0=6>2p 0=8>2r 0=2>2s 0.>7l 1=a>2t 0=8>2v 0=2>2w 0.>87 1=9>2x 1.>8j ",
  "1=2>2y 0=2>2z 1=6>30 0:2>8w 1=6>32 1.>97 1=6>33 0.>9f 1=6>36 0=8>37 0=4>38 0.>9z 1=c>39 0=2>3b 0=3>3d 0=6>3e ",
  "0.>37 1.>gj 0:2>ar 1.>gk 0.>aw 1.2>gm 0.>b0 2.>d9 0.>gp 0.>gr 0.>b6 1.>gw 0.>gz 1.>h5 0.>h4 0.>bd 3.>hb 0.>he ",
  "1.>hh 0=2>33 0:2>bn 1.>hs 0.>bs 1.>hv 2.>bx 1.>i0 0=2>39 0.2>i2 0:2>c4 1.>ia 0.>c9 3.>cd 7=2>cm 1=2>cp 1=2>cs ",
  "1=2>2p 0=2>2x 0=2>33 0=a>39 1=2>2p 0:3>dd 1=2>2v 0=2>2z 0=4>33 0.>dr 1.>2y 0=2>dv 1=2>2v 0.>b9 0.>cf 0=2>32 ",
  "0=2>2p 0:2>e5 1=4>2p 0=4>2t 0=4>2x 0=4>33 0=4>36 0=4>39 0=2>37 0=2>38 0.>f1 1=2>2w 0.>bi 1:2>f7 1=2>2p 0=2>2t ",
  "0=8>33 0=2>3d 6.>8rp 0.>fw 1.>be 0.>8rq 2.>g2 1.>ao 0.>i1 0.>i4 0:5>g7 81:2>oh 3.>on f.>q4 1.3>q5 1.>r0 1.2>r1 ",
  "1.h>q9 1.9>qr m.>qr c.>rb 0.>qa 0.>qg 3.>qu 0.>qo 1:c>rd 1.>qi 0.>qp 2.>qg 0.>qd 1.>s8 1.>s2 0.>sb 2.3>or ",
  "0.g>uo 0.w>ts 1c:h>v5 9:r>wb 1.>y7 0:7>xu 2:18>y9 a.12>129 289.12>8w0 1.>8x3 5.>8x9 2lu=2>2p 0=6>2q 0=2>2r ",
  "0=a>2s 0=a>2t 0=2>2u 0=2>2v 0=a>2w 0=4>2x 0=6>2z 0=8>30 0=6>31 0=8>32 0=8>33 0=4>34 0=8>36 0=a>37 0=8>38 ",
  "0=a>39 0=4>3a 0=a>3b 0=4>3c 0=2>3d 0=6>3e 0.>2w 0.>38 0.>3b 0.>3d 1.>37 2.>67 1=o>2p 0=g>2t 0=4>2x 0=o>33 ",
  "0=e>39 0=8>3d 0:3>64b 9.8>64g 8.6>64w a.8>65c 8.8>65s 8.6>668 b:4>66p 8.8>674 o.8>680 8.8>68g 8.8>68w 8.2>69c ",
  "0.2>67k 0.>69f 1.>qh 9.4>67m 0.>69v b.2>6a8 0.2>67q c.2>6ao 0.2>67u 0.>6at b.2>67s 0.2>67w 0.>6b7 89.>qx 3.>2z ",
  "0.>2p 6.>6ku 19.g>6ls j.>6mc 22k.1b>8q8 1d.>8rl 1.>h7 0.>5tp 0.>hp 2:3>8rs 1.>gh 0.>hd 0.>gg 0.>gi 1.>8s3 ",
  "2.>8s6 8.2>fz 0:1e>8sh 8:2>8vg 4.>8vn nyl:n>wu9 j:c>ww1 3v:7>x0j 3:v>x0z a:2>x2y 1.>5tl 0:5>x33 4.>x3g 1.>h1 ",
  "2:2>x3l d:5>x41 1.>h2 h9y.q>1ef5 xx.14>1fe0",
].join("");
