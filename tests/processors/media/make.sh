#!/bin/sh
# Writes the files of this folder with ffmpeg 5.1.
# tests/processors/test_real_media.py has what ffprobe reports of them.
set -e
cd "$(dirname "$0")"
pictures="-f lavfi -i color=red:size=64x32:rate=10:duration=1"
sound="-f lavfi -i sine=frequency=440:duration=1:sample_rate=16000"
title="-metadata title=Häuser -metadata artist=Björk -metadata album=Ærø"
make() { ffmpeg -v error -y -bitexact "$@"; }

make $pictures $sound -c:v mpeg4 -c:a aac -b:a 24k film.mp4
make -i film.mp4 -c copy -metadata:s:v:0 rotate=270 turned.mp4
make -i film.mp4 -c copy -metadata:s:v:0 rotate=180 upside-down.mov
make -i film.mp4 -c copy -movflags frag_keyframe+empty_moov fragmented.mp4
make -i film.mp4 -c copy -movflags frag_keyframe partly-fragmented.mp4
make -i film.mp4 -c copy -movflags dash indexed.mp4
make $pictures $sound -vf setsar=4/3 -c:v mpeg4 -c:a aac -b:a 24k wide-pixels.mp4
make $pictures $sound -vf setsar=4/3 -c:v mpeg4 -c:a aac -b:a 24k wide-pixels.mkv
make -i film.mp4 -c copy film.mkv
make $pictures $sound -c:v libvpx -c:a libopus -b:a 16k film.webm
make -i film.webm -c copy -live 1 recorded.webm
make -i film.webm -c copy -f webm pipe: | cat > piped.webm
make $pictures $sound -c:v mpeg4 -c:a libmp3lame -b:a 16k film.avi
make $pictures $sound -c:v flv1 -c:a libmp3lame -ar 22050 -b:a 16k film.flv
make -i film.flv -c copy -f flv pipe: | cat > piped.flv
make $pictures $sound -c:v wmv2 -c:a wmav2 -b:a 32k film.wmv
make -f lavfi -i testsrc=size=64x32:rate=25:duration=1 $sound -c:v mpeg2video -q:v 1 -c:a mp2 -b:a 32k -f vob film.mpg
make $pictures $sound -c:v libx264 -preset ultrafast -c:a mp2 -b:a 32k film.ts
make -i film.ts -c copy -mpegts_m2ts_mode 1 camera.m2ts
make $pictures $sound -c:v libtheora -c:a libvorbis film.ogv
make $pictures -r 25 -c:v mpeg2video film.mxf

make $sound $title -c:a libmp3lame -q:a 6 counted.mp3
make $sound -c:a libmp3lame -b:a 16k -write_xing 0 -id3v2_version 0 bare.mp3
make $sound $title -c:a aac -b:a 24k sound.m4a
make $sound -c:a alac lossless.m4a
make $sound -c:a aac -b:a 24k -f adts sound.aac
make $sound $title -ar 8000 -c:a pcm_u8 sound.wav
make $sound -ar 8000 -c:a pcm_u8 -f wav pipe: | cat > piped.wav
make $sound -ar 8000 -ac 6 -c:a pcm_s16le -t 0.1 extensible.wav
make $sound -ar 8000 -c:a pcm_u8 -rf64 always large.wav
make $sound -c:a adpcm_ms packed.wav
make $sound $title sound.flac
make $sound $title -c:a libvorbis sound.ogg
make $sound $title -c:a libopus -b:a 16k sound.opus
make $sound -c:a libspeex sound.spx
make $sound -c:a flac -f ogg sound.oga
make $sound -ar 8000 -c:a pcm_s8 sound.aiff
make $sound -ar 8000 -c:a pcm_mulaw sound.au
make $sound -ar 8000 -c:a pcm_s16le -t 0.5 sound.caf
make $sound $title -c:a wmav2 -b:a 32k sound.wma
make -i sound.opus -c copy sound.mka
