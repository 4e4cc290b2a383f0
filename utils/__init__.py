"""From a melody to four voices in the style of J. S. Bach.

The lesson (``notebook.ipynb``) and the README call what stands at the top:

==================  =================================================================================
``harmonize``       the command: three voices below a melody
``run_notebook``    the command: the whole lesson, executed
``inference_utils`` a melody in, an arrangement out; the panel
``display_utils``   players, scores, piano rolls, curves, the film of a training
``midi_utils``      grids, piano rolls and MIDI files, and the ways between them
``metrics_utils``   measures of piano rolls and of the music
``dataset_utils``   windows and batches; the command that makes data files
``layer_utils``     the layers that the lesson names but does not write out
``training_utils``  device, runs and checkpoints, networks in files, replicas
``evaluation_utils`` the exam beside Bach, and its command
``exercise_utils``  checks of the lesson's exercises
``path_utils``      where everything lies
``quiet_tensorflow`` keeps TensorFlow's start-up notes off the page
==================  =================================================================================

Each of them is short and takes what it offers from a folder below, one for each big idea. A folder
imports only from those above it in this table.

==================  =================================================================================
``music/``          grids, theory, meters, phrases, measures, the grade: NumPy and SciPy alone
``songs/``          songs as files: reading, finding the melody, writing MIDI, scores, sound
``pictures/``       piano rolls, curves, the film, players
``networks/``       layers, heads, networks in files
``corpus/``         Bach's chorales and your own music: pieces, windows, splits, data files
``training/``       batches, runs and their checkpoints, the live view, replicas, shards
``arranger/``       proposals, search, takes, arrangements
``panel/``          the instrument for people who do not program, in the lesson and on its own
``exam/``           who is measured, how, and the tables
``lesson/``         the notebook's definitions, outputs, pages, Korean edition, exercises, words of music
==================  =================================================================================
"""
