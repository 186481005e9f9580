{
  "patcher": {
    "fileversion": 1,
    "appversion": {
      "major": 8,
      "minor": 6,
      "revision": 0,
      "architecture": "x64",
      "modernui": 1
    },
    "classnamespace": "box",
    "rect": [
      60.0,
      80.0,
      1000.0,
      884.0
    ],
    "openinpresentation": 0,
    "default_fontsize": 12.0,
    "default_fontname": "Arial",
    "gridsize": [
      15.0,
      15.0
    ],
    "boxes": [
      {
        "box": {
          "id": "obj-1",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            20.0,
            14.0,
            250.07999999999998,
            38.599999999999994
          ],
          "fontsize": 24.0,
          "text": "torchbend in Max",
          "fontface": 1
        }
      },
      {
        "box": {
          "id": "obj-2",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            20.0,
            56.0,
            398.88,
            21.799999999999997
          ],
          "fontsize": 12.0,
          "text": "how a bent model is loaded, and what nn~ can be told"
        }
      },
      {
        "box": {
          "id": "obj-3",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            20.0,
            90.0,
            960.0,
            34.0
          ],
          "text": "(1) torchbend export MODEL -o choir.ts --bend bends.json writes choir.ts, and beside it choir.pd and choir.maxpat, patches with a control for every bend."
        }
      },
      {
        "box": {
          "id": "obj-4",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            20.0,
            128.0,
            960.0,
            34.0
          ],
          "text": "(2) Keep the three in one folder and open the patch. nn~ looks for the file beside the patch first, then where Pd or Max look for patches."
        }
      },
      {
        "box": {
          "id": "obj-5",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            20.0,
            166.0,
            960.0,
            34.0
          ],
          "text": "(3) In a patch of your own make nn~ choir.ts forward 4096: the file, the method, the frames of its buffer. 0 frames plays in the audio thread: no delay, but no time to spare."
        }
      },
      {
        "box": {
          "id": "obj-6",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            20.0,
            204.0,
            960.0,
            34.0
          ],
          "text": "(4) torchbend info choir.ts lists the methods and attributes of a file."
        }
      },
      {
        "box": {
          "id": "obj-7",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            20.0,
            262.0,
            446.0,
            24.599999999999998
          ],
          "fontsize": 14.0,
          "text": "try it: open a file first, then click the messages",
          "fontface": 1
        }
      },
      {
        "box": {
          "id": "obj-8",
          "maxclass": "button",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            298.0,
            30.0,
            30.0
          ],
          "outlettype": [
            "bang"
          ],
          "parameter_enable": 0
        }
      },
      {
        "box": {
          "id": "obj-9",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            70.0,
            298.0,
            84.0,
            22.0
          ],
          "outlettype": [
            "",
            "bang"
          ],
          "text": "opendialog"
        }
      },
      {
        "box": {
          "id": "obj-10",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 2,
          "patching_rect": [
            170.0,
            298.0,
            49.0,
            22.0
          ],
          "outlettype": [
            "",
            "int"
          ],
          "text": "t s 1"
        }
      },
      {
        "box": {
          "id": "obj-11",
          "maxclass": "newobj",
          "numinlets": 1,
          "numoutlets": 1,
          "patching_rect": [
            250.0,
            298.0,
            98.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "prepend load"
        }
      },
      {
        "box": {
          "id": "obj-12",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            580.0,
            298.0,
            42.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "gate"
        }
      },
      {
        "box": {
          "id": "obj-13",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            348.0,
            98.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "set gain 0.5"
        }
      },
      {
        "box": {
          "id": "obj-14",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            240.0,
            348.0,
            620.0,
            22.0
          ],
          "text": "Moves an attribute; out of its range it is clamped."
        }
      },
      {
        "box": {
          "id": "obj-15",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            380.0,
            147.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "set gains 1 0.5 0 1"
        }
      },
      {
        "box": {
          "id": "obj-16",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            240.0,
            380.0,
            620.0,
            22.0
          ],
          "text": "An attribute of several values takes them together."
        }
      },
      {
        "box": {
          "id": "obj-17",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            412.0,
            105.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "set mode hard"
        }
      },
      {
        "box": {
          "id": "obj-18",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            240.0,
            412.0,
            620.0,
            22.0
          ],
          "text": "An attribute of choices takes the word."
        }
      },
      {
        "box": {
          "id": "obj-19",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            444.0,
            133.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "set mask my_array"
        }
      },
      {
        "box": {
          "id": "obj-20",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            240.0,
            444.0,
            620.0,
            22.0
          ],
          "text": "A tensor or buffer attribute takes the name of an array (Pd) or buffer~ (Max)."
        }
      },
      {
        "box": {
          "id": "obj-21",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            476.0,
            70.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "enable 0"
        }
      },
      {
        "box": {
          "id": "obj-22",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            240.0,
            476.0,
            620.0,
            22.0
          ],
          "text": "Rests: silence, and no computing. enable 1 plays again."
        }
      },
      {
        "box": {
          "id": "obj-23",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            508.0,
            56.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "reload"
        }
      },
      {
        "box": {
          "id": "obj-24",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            240.0,
            508.0,
            620.0,
            22.0
          ],
          "text": "Reads the file anew; every attribute is at its default again."
        }
      },
      {
        "box": {
          "id": "obj-25",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            540.0,
            49.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "gpu 1"
        }
      },
      {
        "box": {
          "id": "obj-26",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            240.0,
            540.0,
            620.0,
            22.0
          ],
          "text": "Moves the model to the graphics card if there is one; gpu 0 brings it back."
        }
      },
      {
        "box": {
          "id": "obj-27",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            572.0,
            105.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "method decode"
        }
      },
      {
        "box": {
          "id": "obj-28",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            240.0,
            572.0,
            620.0,
            22.0
          ],
          "text": "Plays another method. In Pd only for nn~ -m, which takes several channels in one cord."
        }
      },
      {
        "box": {
          "id": "obj-29",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            604.0,
            105.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "load other.ts"
        }
      },
      {
        "box": {
          "id": "obj-30",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            240.0,
            604.0,
            620.0,
            22.0
          ],
          "text": "Plays another file with as many channels. In Pd only for nn~ -m."
        }
      },
      {
        "box": {
          "id": "obj-31",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            636.0,
            70.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "get gain"
        }
      },
      {
        "box": {
          "id": "obj-32",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            240.0,
            636.0,
            620.0,
            22.0
          ],
          "text": "Prints an attribute's value."
        }
      },
      {
        "box": {
          "id": "obj-33",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            668.0,
            112.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "get_attributes"
        }
      },
      {
        "box": {
          "id": "obj-34",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            240.0,
            668.0,
            620.0,
            22.0
          ],
          "text": "Prints the names of all attributes."
        }
      },
      {
        "box": {
          "id": "obj-35",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            700.0,
            91.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "get_methods"
        }
      },
      {
        "box": {
          "id": "obj-36",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            240.0,
            700.0,
            620.0,
            22.0
          ],
          "text": "Prints the names of all methods."
        }
      },
      {
        "box": {
          "id": "obj-37",
          "maxclass": "message",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            732.0,
            42.0,
            22.0
          ],
          "outlettype": [
            ""
          ],
          "text": "dump"
        }
      },
      {
        "box": {
          "id": "obj-38",
          "maxclass": "comment",
          "numinlets": 1,
          "numoutlets": 0,
          "patching_rect": [
            240.0,
            732.0,
            620.0,
            22.0
          ],
          "text": "Prints all there is to know."
        }
      },
      {
        "box": {
          "id": "obj-39",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            20.0,
            784.0,
            84.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "cycle~ 220"
        }
      },
      {
        "box": {
          "id": "obj-40",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 1,
          "patching_rect": [
            130.0,
            784.0,
            56.0,
            22.0
          ],
          "outlettype": [
            "signal"
          ],
          "text": "*~ 0.1"
        }
      },
      {
        "box": {
          "id": "obj-41",
          "maxclass": "newobj",
          "numinlets": 2,
          "numoutlets": 2,
          "patching_rect": [
            220.0,
            784.0,
            133.0,
            22.0
          ],
          "outlettype": [
            "signal",
            "signal"
          ],
          "text": "nn~ void 2 2 4096"
        }
      },
      {
        "box": {
          "id": "obj-42",
          "maxclass": "ezdac~",
          "numinlets": 2,
          "numoutlets": 0,
          "patching_rect": [
            440.0,
            774.0,
            45.0,
            45.0
          ]
        }
      }
    ],
    "lines": [
      {
        "patchline": {
          "source": [
            "obj-8",
            0
          ],
          "destination": [
            "obj-9",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-9",
            0
          ],
          "destination": [
            "obj-10",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-10",
            0
          ],
          "destination": [
            "obj-11",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-10",
            1
          ],
          "destination": [
            "obj-12",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-13",
            0
          ],
          "destination": [
            "obj-12",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-15",
            0
          ],
          "destination": [
            "obj-12",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-17",
            0
          ],
          "destination": [
            "obj-12",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-19",
            0
          ],
          "destination": [
            "obj-12",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-21",
            0
          ],
          "destination": [
            "obj-12",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-23",
            0
          ],
          "destination": [
            "obj-12",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-25",
            0
          ],
          "destination": [
            "obj-12",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-27",
            0
          ],
          "destination": [
            "obj-12",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-29",
            0
          ],
          "destination": [
            "obj-12",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-31",
            0
          ],
          "destination": [
            "obj-12",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-33",
            0
          ],
          "destination": [
            "obj-12",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-35",
            0
          ],
          "destination": [
            "obj-12",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-37",
            0
          ],
          "destination": [
            "obj-12",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-39",
            0
          ],
          "destination": [
            "obj-40",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-40",
            0
          ],
          "destination": [
            "obj-41",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-40",
            0
          ],
          "destination": [
            "obj-41",
            1
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-11",
            0
          ],
          "destination": [
            "obj-41",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-12",
            0
          ],
          "destination": [
            "obj-41",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-41",
            0
          ],
          "destination": [
            "obj-42",
            0
          ]
        }
      },
      {
        "patchline": {
          "source": [
            "obj-41",
            1
          ],
          "destination": [
            "obj-42",
            1
          ]
        }
      }
    ]
  }
}
